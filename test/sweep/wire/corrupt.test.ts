import { sweep } from "./sweep.js";

sweep("corrupt");
