/** Who may use the console: a YAML file of names and scrypt hashes, read anew whenever it matters. */
import { type Static, Type } from "typebox";
import { hasCode } from "../../../shared/error-code.js";
import { describe, StationError } from "../../../shared/errors.js";
import { readSettings, writeFileAtomic } from "../../../shared/files.js";
import { hashPassword, PASSWORD_HASH } from "../../../shared/password.js";
import { parseYaml } from "../../../shared/yaml.js";

const NAME = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$";

const UserSchema = Type.Object(
  { name: Type.String({ pattern: NAME }), password: Type.String({ pattern: PASSWORD_HASH }) },
  { additionalProperties: false },
);
const UsersSchema = Type.Object({ users: Type.Array(UserSchema) }, { additionalProperties: false });
export type ConsoleUser = Static<typeof UserSchema>;

/** Fewest characters of a new password. */
const PASSWORD_MIN = 12;

/**
 * The users of a file; none where there is no file.
 * @throws StationError CONFIG_INVALID with file, line and what was expected
 */
export async function readUsers(file: string): Promise<readonly ConsoleUser[]> {
  const { users, error } = await readFileOf(file);
  const names = users.map(({ name }) => name);
  for (const [i, name] of names.entries())
    if (names.indexOf(name) < i) throw error(["users", i, "name"], "stands there twice");
  return users;
}

async function readFileOf(file: string) {
  let text: string;
  try {
    text = await readSettings(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) text = "users: []";
    else throw new StationError("CONFIG_INVALID", { details: { what: `${file}: ${describe(error)}` }, cause: error });
  }
  const document = parseYaml(UsersSchema, text, file, "CONFIG_INVALID");
  return { users: document.value.users, error: document.error };
}

/**
 * Gives a user a password, and makes the user where there is none of that name.
 * @throws StationError INPUT_INVALID for a name or password that cannot be one, CONFIG_INVALID for a file that is no list of users
 */
export async function setPassword(file: string, name: string, password: string): Promise<void> {
  const refuse = (what: string) => new StationError("INPUT_INVALID", { details: { what } });
  if (!new RegExp(NAME).test(name))
    throw refuse(`name "${name.slice(0, 80)}": is no user name (expected letters, digits, . _ @ -, at most 64)`);
  if ([...password].length < PASSWORD_MIN)
    throw refuse(`the password is too short (expected ${PASSWORD_MIN} characters)`);
  const users = await readUsers(file);
  const changed = [...users.filter((user) => user.name !== name), { name, password: await hashPassword(password) }];
  const lines = changed.map((user) => `  - { name: ${JSON.stringify(user.name)}, password: "${user.password}" }\n`);
  await writeFileAtomic(
    file,
    `# Users of the KMS console; ecustation console passwd NAME adds one or changes a password.\nusers:\n${lines.join("")}`,
  );
}
