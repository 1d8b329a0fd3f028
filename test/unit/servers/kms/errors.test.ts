import { everyKmsAnswer } from "./errors-suite.js";
import { openKms } from "./helpers.js";

everyKmsAnswer(() => openKms());
