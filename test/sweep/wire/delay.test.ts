import { sweep } from "./sweep.js";

sweep("delay");
