import { sweep } from "./sweep.js";

sweep("duplicate");
