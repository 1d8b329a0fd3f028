import { sweep } from "./sweep.js";

sweep("once");
