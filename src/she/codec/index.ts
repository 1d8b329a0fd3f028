/** SHE codec: the one part of src/she that the simulated device shares with the station. */
export * from "./aes.js";
export * from "./constants.js";
export * from "./fields.js";
export * from "./tables.js";
