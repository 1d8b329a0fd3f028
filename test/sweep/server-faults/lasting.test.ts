import { sweep } from "./sweep.js";

sweep("lasting");
