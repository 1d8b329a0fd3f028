/** The station's clock, as far as a part of the page shows it. */
import { useEffect, useState } from "preact/hooks";
import { every } from "../clock.js";
import { live } from "../live/live.js";

const stationTime = () => Date.now() + live.value.ahead;

/** The station's time, ms since the epoch, renewed every `ms`; it stands still while `running` is false. */
export function useNow(ms: number, running = true): number {
  const [now, setNow] = useState(stationTime);
  useEffect(() => {
    if (!running) return;
    setNow(stationTime());
    return every(ms, () => setNow(stationTime()));
  }, [ms, running]);
  return now;
}
