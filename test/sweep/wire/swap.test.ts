import { sweep } from "./sweep.js";

sweep("swap");
