/** Tokens that units' keys go into: each opened once, when the first run needs it, and shared by all bays. */
import { dirname, resolve } from "node:path";
import type { AppContext } from "../app.js";
import { assertTokenFits, createTokenUnit, openUnitToken } from "../injection/pkcs11/target.js";
import { StationError } from "../shared/errors.js";
import type { TokenConfig } from "../shared/token-config.js";
import type { OpenedEcu } from "../station/run/index.js";
import type { Token } from "../token/token.js";
import type { FoundProfile } from "./profiles.js";
import { tokenOf } from "./tokens.js";

export class UnitTokens {
  readonly #open = new Map<string, Token>();

  constructor(private readonly context: AppContext) {}

  /**
   * What makes of an opened ECU the unit that the profile means: with target pkcs11 one whose keys go into its token. The first step asks
   * the token whether it is there and fit, before the unit is touched, and throws TOKEN_*.
   * @param bay that the unit is at, whose tokens may be its own
   * @throws StationError CONFIG_INVALID where nothing says where the profile's token is
   */
  unitOf(
    found: FoundProfile,
    bay: string | undefined,
  ): (signal: AbortSignal) => Promise<(ecu: OpenedEcu) => OpenedEcu> {
    const { pkcs11 } = found.profile;
    if (pkcs11 === undefined) return async () => (ecu) => ecu;
    const token = this.#token(this.#place(found, pkcs11, bay));
    const { mechanisms, blankKey } = pkcs11;
    return async (signal) => {
      await assertTokenFits(token, mechanisms, signal);
      return ({ session }) => createTokenUnit(session, token, { mechanisms, blankKey });
    };
  }

  async close(): Promise<void> {
    const tokens = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(tokens.map((token) => token.close()));
  }

  /** The configuration knows the machine; what the profile says is for stations that it says nothing of. */
  #place(
    { file, profile }: FoundProfile,
    pkcs11: NonNullable<FoundProfile["profile"]["pkcs11"]>,
    bay: string | undefined,
  ): TokenConfig {
    const { config } = this.context;
    const { token, address } = pkcs11;
    const name = config.station.bays.find((each) => each.name === bay)?.tokens?.[token] ?? token;
    const invalid = (what: string) => new StationError("CONFIG_INVALID", { details: { what } });
    const configured = config.tokens.get(name);
    if (configured !== undefined) return configured;
    if (address === undefined) {
      const where = config.file ?? "(built-in configuration)";
      throw invalid(`${where}: tokens.${name}: is missing, the keys of profile ${profile.name} go into it`);
    }
    const at = (path: string) => resolve(dirname(file), path);
    return tokenOf(address, ["pkcs11", "address"], at, (path, what) => invalid(`${file}: ${path.join(".")}: ${what}`));
  }

  #token({ limits, ...address }: TokenConfig): Token {
    const { clock, logger } = this.context;
    const key = JSON.stringify(address, Object.keys(address).sort());
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const token = openUnitToken({ address, clock, logger, ...(limits === undefined ? {} : { limits }) });
    this.#open.set(key, token);
    return token;
  }
}
