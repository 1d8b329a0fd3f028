/** The simulated SHE: what the ECU and the console use of it. */
export * from "./device.js";
export * from "./state.js";
export * from "./types.js";
