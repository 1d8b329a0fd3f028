/** Simulator mode: the station's way to a server, which the page can cut and mend. */
import type { ServerName } from "../../hmi/contract/state.js";
import { StationError } from "../../shared/errors.js";
import type { KmsClient, VpkiClient } from "../../station/ports.js";

const CODES = { vPKI: "VPKI_UNREACHABLE", KMS: "KMS_UNREACHABLE" } as const;

export class Outages {
  readonly #broken = new Set<ServerName>();

  broken(): readonly ServerName[] {
    return [...this.#broken];
  }

  /** Holds from the next request on. */
  set(server: ServerName, broken: boolean): void {
    if (broken) this.#broken.add(server);
    else this.#broken.delete(server);
  }

  vpki(client: VpkiClient): VpkiClient {
    const way = <A extends unknown[], T>(work: (...args: A) => Promise<T>) => this.#way("vPKI", work);
    return {
      ping: way((signal) => client.ping(signal)),
      issue: way((request, key, signal) => client.issue(request, key, signal)),
      reissue: way((request, key, signal) => client.reissue(request, key, signal)),
      revoke: way((type, dn, signal) => client.revoke(type, dn, signal)),
      chain: (leaf, signal) => client.chain(leaf, signal),
    };
  }

  kms(client: KmsClient): KmsClient {
    const way = <A extends unknown[], T>(work: (...args: A) => Promise<T>) => this.#way("KMS", work);
    return {
      ping: way((signal) => client.ping(signal)),
      requestKey: way((request, key, signal) => client.requestKey(request, key, signal)),
      requestSync: way((type, ecuId, keyId, signal) => client.requestSync(type, ecuId, keyId, signal)),
      report: way((result, key, signal) => client.report(result, key, signal)),
    };
  }

  #way<A extends unknown[], T>(server: ServerName, work: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
    return async (...args) => {
      if (this.#broken.has(server)) throw new StationError(CODES[server], { details: { what: "simulated outage" } });
      return work(...args);
    };
  }
}
