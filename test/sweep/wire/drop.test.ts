import { sweep } from "./sweep.js";

sweep("drop");
