import { sweep } from "./sweep.js";

sweep("second");
