/** udev rules of the slcan adapters that the program knows. */

/** A chip of FTDI holds what it received back for 16 ms, which a flow control frame cannot wait. */
const FTDI = "0403";

/** @param devices `VID:PID` → what it is, of src/ecu/link/slcan/adapters.ts */
export function udevRules(devices) {
  const lines = [
    "# CAN adapters on USB that ecustation knows (docs/install.md): for its group, and let alone by ModemManager, which would send them modem",
    "# commands. Made from the program's own table.",
    'ACTION=="remove", GOTO="ecustation_end"',
  ];
  for (const [usb, { text, adapters }] of devices) {
    const [vendor, product] = usb.split(":");
    const attributes = `ATTRS{idVendor}=="${vendor}", ATTRS{idProduct}=="${product}"`;
    const kind = adapters.length === 0 ? "" : `, adapter ${adapters.join(" or ")}`;
    lines.push("", `# ${text}${kind}`);
    // Any serial line may be somebody else's.
    if (adapters.length > 0)
      lines.push(
        `SUBSYSTEM=="tty", ${attributes}, GROUP="ecustation", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1", ENV{ID_MM_PORT_IGNORE}="1"`,
      );
    if (vendor === FTDI)
      lines.push(`SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ${attributes}, ATTR{latency_timer}="1"`);
    if (lines.at(-1)?.startsWith("#")) lines.splice(-2);
  }
  return `${[...lines, "", 'LABEL="ecustation_end"'].join("\n")}\n`;
}
