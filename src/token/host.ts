/** Entry of the process of a token whose calls are those of the token alone. */
import { serveToken } from "./serve.js";

serveToken();
