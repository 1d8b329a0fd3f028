/** The part of Cryptoki (PKCS#11 v2.40) that the token adapter uses: numbers of the standard, and the calls as pkcs11js has them. */

/** A session, slot or object handle as pkcs11js gives it. */
export type Handle = Buffer;

export interface Attribute {
  readonly type: number;
  readonly value?: number | boolean | string | Buffer;
}

export interface TokenInfo {
  readonly label: string;
  readonly serialNumber: string;
  readonly model: string;
  readonly manufacturerID: string;
}

/** The calls, by their names in the standard. All but the last two block the calling thread. */
export interface Cryptoki {
  load(library: string): void;
  close(): void;
  C_Initialize(options: { flags: number }): void;
  C_Finalize(): void;
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): TokenInfo;
  C_GetMechanismList(slot: Handle): number[];
  C_GetMechanismInfo(slot: Handle, mechanism: number): { minKeySize: number; maxKeySize: number; flags: number };
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_GetSessionInfo(session: Handle): { state: number };
  C_Login(session: Handle, userType: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: Attribute[]): void;
  C_FindObjects(session: Handle, most: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: Attribute[]): { type: number; value: Buffer }[];
  C_SignInit(session: Handle, mechanism: { mechanism: number }, key: Handle): void;
  C_SignAsync(session: Handle, data: Buffer, out: Buffer): Promise<Buffer>;
  C_GenerateKeyPairAsync(
    session: Handle,
    mechanism: { mechanism: number },
    publicTemplate: Attribute[],
    privateTemplate: Attribute[],
  ): Promise<{ publicKey: Handle; privateKey: Handle }>;
}

export const CKF = {
  /** Of C_Initialize: calls come from several threads, and the library locks by the system's own means. */
  OS_LOCKING_OK: 2,
  SIGN: 0x800,
  GENERATE_KEY_PAIR: 0x10000,
  RW_SESSION: 2,
  SERIAL_SESSION: 4,
} as const;
export const CKU_USER = 1;
/** Session states in which the user is logged in: read-only, read-write. */
export const CKS_USER: readonly number[] = [1, 3];
export const CKO = { PUBLIC_KEY: 2, PRIVATE_KEY: 3 } as const;
export const CKK_EC = 3;
export const CKM = { EC_KEY_PAIR_GEN: 0x1040, ECDSA: 0x1041 } as const;
export const CKA = {
  CLASS: 0x0,
  TOKEN: 0x1,
  PRIVATE: 0x2,
  LABEL: 0x3,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  WRAP: 0x106,
  UNWRAP: 0x107,
  SIGN: 0x108,
  VERIFY: 0x10a,
  DERIVE: 0x10c,
  EXTRACTABLE: 0x162,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
} as const;
