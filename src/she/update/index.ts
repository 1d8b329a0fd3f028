/** Station side of the SHE memory update: build, decode, explain. The simulated device never imports this. */
export * from "./build.js";
export * from "./decode.js";
export * from "./explain.js";
