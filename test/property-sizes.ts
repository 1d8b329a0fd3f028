/** Before the tests of a project: how large the values of their properties get. */
import fc from "fast-check";

// Without it fast-check stops at about ten elements whatever maxLength says, and no property sees a message of two frames or blocks.
fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });
