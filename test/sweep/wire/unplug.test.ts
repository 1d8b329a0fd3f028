import { sweep } from "./sweep.js";

sweep("unplug");
