/** The section of a profile whose unit's HSM is a PKCS#11 token. */
import { type Static, Type } from "typebox";
import { namesToken, TokenSchema, UNNAMED_TOKEN } from "../shared/token-config.js";

const strict = { additionalProperties: false };

export const Pkcs11Section = Type.Object(
  {
    /** Name of the token in the station's configuration (`tokens`). */
    token: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$" }),
    /** Where it is, for a station whose configuration does not say; paths count from the profile's folder. */
    address: Type.Optional(TokenSchema),
    /** Mechanisms of the token, where there is a choice. */
    mechanisms: Type.Object(
      {
        /** CKM_AES_CBC: the CMAC is composed of the token's CBC encryptions. */
        cmac: Type.Enum(["CKM_AES_CMAC", "CKM_AES_CBC"], { default: "CKM_AES_CMAC" }),
        cipher: Type.Enum(["CKM_AES_CBC", "CKM_AES_ECB"], { default: "CKM_AES_CBC" }),
      },
      { ...strict, default: {} },
    ),
    /** Value of an empty SHE slot that authorises itself, 16 bytes hex. */
    blankKey: Type.String({ pattern: "^[0-9a-fA-F]{32}$", default: "00000000000000000000000000000000" }),
  },
  strict,
);

export type ProfileToken = Static<typeof Pkcs11Section>;

/** What is wrong with a profile's token, and where; undefined where all is right. */
export function tokenFault(profile: {
  readonly target: string;
  readonly pkcs11?: ProfileToken;
}): { readonly path: readonly string[]; readonly what: string } | undefined {
  const { target, pkcs11 } = profile;
  if (target !== "pkcs11")
    return pkcs11 && { path: ["pkcs11"], what: `does not belong to target ${target} (expected none)` };
  if (pkcs11 === undefined) return { path: ["pkcs11"], what: "is missing (expected the token of target pkcs11)" };
  if (pkcs11.address === undefined || namesToken(pkcs11.address)) return undefined;
  return { path: ["pkcs11", "address"], what: UNNAMED_TOKEN };
}
