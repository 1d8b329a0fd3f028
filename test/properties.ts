/** Before the tests of a project: how large the values of their properties get, and which they are. */
import fc from "fast-check";
import { SEED } from "./sweep/seed.js";

fc.configureGlobal({
  // Without it fast-check stops at about ten elements whatever maxLength says, and no property sees a message of two frames or blocks.
  defaultSizeToMaxWhenMaxSpecified: true,
  // A fresh one, but for CI, where every change is to meet the same values. A failure prints it.
  seed: SEED | 0,
});
