/** @peculiar/x509 wires itself by tsyringe, which refuses to load without Reflect's metadata functions; none of them is really used. */
Object.assign(Reflect, {
  getMetadata: () => undefined,
  getOwnMetadata: () => undefined,
  hasOwnMetadata: () => false,
  defineMetadata: () => undefined,
});
