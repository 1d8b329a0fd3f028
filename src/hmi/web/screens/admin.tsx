/** Users, bays and adapters. */
import { useRef } from "preact/hooks";
import { ROLES } from "../../contract/roles.js";
import type { UserRow } from "../../contract/views.js";
import { get, post } from "../api.js";
import { seconds } from "../format.js";
import { live } from "../live/live.js";
import { Action, useAction } from "../parts/action.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { Region } from "../parts/region.js";
import { TableHead } from "../parts/table-head.js";
import { useMay } from "../session.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";

export function Admin() {
  const { t } = useTexts();
  const mayUsers = useMay("users");
  return (
    <>
      {mayUsers ? <Users /> : null}
      <h2>{t("bays")}</h2>
      <Bays />
      <h2>{t("adapters")}</h2>
      <Adapters />
    </>
  );
}

const BAY_COLUMNS = ["bay", "link", "profile", "target", "power", "takt", "state"] as const;

function Bays() {
  const { t } = useTexts();
  const bays = useStore(live, ({ state }) => state?.bays) ?? [];
  const { load, reload } = useLoad("bays", (signal) => get("bays", {}, {}, signal));
  return (
    <Loaded load={load} reload={reload} empty={{ when: (rows) => rows.length === 0, text: t("bays.none") }}>
      {(rows) => (
        <Region label={t("bays")}>
          <table>
            <TableHead columns={BAY_COLUMNS.map((name) => t(`field.${name}`))} />
            <tbody>
              {rows.map(({ name, link, profile, target, power, takt }) => (
                <tr key={name} data-bay-row={name}>
                  <td>{name}</td>
                  <td>{link ?? t("link.simulated")}</td>
                  <td>{profile ?? t("profile.byScan")}</td>
                  <td>{target ?? "–"}</td>
                  <td>{power ?? "–"}</td>
                  <td>{takt === undefined ? "–" : t("seconds", { value: seconds(takt) })}</td>
                  <td>{t(`phase.${bays.find((bay) => bay.name === name)?.phase ?? "idle"}`)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Region>
      )}
    </Loaded>
  );
}

function Adapters() {
  const { t } = useTexts();
  const { load, reload } = useLoad("adapters", (signal) => get("adapters", {}, {}, signal));
  return (
    <>
      <Loaded load={load} reload={reload} empty={{ when: (rows) => rows.length === 0, text: t("adapters.none") }}>
        {(rows) => (
          <ul class="checks">
            {rows.map(({ what, state, text, todo }) => (
              <li key={`${what} ${text}`}>
                <span class={{ ok: "up", warning: "attention", missing: "attention", broken: "down" }[state]}>
                  {t(`check.${state}`)}
                </span>{" "}
                <strong>{what}</strong> {text}
                {todo === undefined ? null : <p class="muted">{todo}</p>}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <button type="button" class="plain" disabled={load.kind === "loading"} onClick={reload}>
        {t("adapters.look")}
      </button>
    </>
  );
}

function Users() {
  const { t } = useTexts();
  const { load, reload } = useLoad("users", (signal) => get("users", {}, {}, signal));
  return (
    <>
      <h2>{t("users")}</h2>
      <Loaded load={load} reload={reload} empty={{ when: (rows) => rows.length === 0, text: t("users.none") }}>
        {(rows) => (
          <ul class="cards">
            {rows.map((row) => (
              <User key={row.name} row={row} onChange={reload} />
            ))}
          </ul>
        )}
      </Loaded>
      <NewUser onDone={reload} />
    </>
  );
}

function User({ row, onChange }: { readonly row: UserRow; readonly onChange: () => void }) {
  const { t } = useTexts();
  const pin = useRef<HTMLInputElement>(null);
  const { busy, run, refused } = useAction();
  const { name: user, locked } = row;
  return (
    <li class="card">
      <h3>{user}</h3>
      <p>
        {t(`role.${row.role}`)} · {t(row.badge ? "users.badge" : "users.noBadge")}
        {locked ? <strong class="down"> · {t("users.locked")}</strong> : null}
      </p>
      <form
        class="actions"
        onSubmit={(event) => {
          event.preventDefault();
          run(() =>
            post("setPin", { user }, { pin: pin.current?.value ?? "" }).then(() => {
              if (pin.current !== null) pin.current.value = "";
              onChange();
            }),
          );
        }}
      >
        <label>
          {t("users.newPin")}
          <input ref={pin} type="password" inputMode="numeric" autoComplete="off" pattern="[0-9]{4,12}" required />
        </label>
        <button type="submit" class="plain" disabled={busy}>
          {t("users.setPin")}
        </button>
        <Action
          kind={locked ? "plain" : "danger"}
          work={() => post("lockUser", { user }, { locked: !locked }).then(onChange)}
        >
          {t(locked ? "users.unlock" : "users.lock")}
        </Action>
      </form>
      {refused === undefined ? null : (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
    </li>
  );
}

function NewUser({ onDone }: { readonly onDone: () => void }) {
  const { t } = useTexts();
  const { busy, run, refused } = useAction();
  const add = (form: HTMLFormElement) =>
    run(async () => {
      const { badge, ...rest } = Object.fromEntries(new FormData(form)) as Record<string, string>;
      await post("addUser", {}, badge === "" ? rest : { ...rest, badge });
      form.reset();
      onDone();
    });
  return (
    <form
      class="panel narrow"
      onSubmit={(event) => {
        event.preventDefault();
        add(event.currentTarget);
      }}
    >
      <h3>{t("users.add")}</h3>
      <label>
        {t("signIn.name")}
        <input name="name" type="text" required maxLength={60} autoComplete="off" />
      </label>
      <label>
        {t("users.role")}
        <select name="role">
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {t(`role.${role}`)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("users.pin")}
        <input name="pin" type="password" inputMode="numeric" required pattern="[0-9]{4,12}" autoComplete="off" />
      </label>
      <label>
        {t("users.badgeField")}
        <input name="badge" type="password" maxLength={200} autoComplete="off" />
      </label>
      {refused === undefined ? null : (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
      <button type="submit" class="act" disabled={busy}>
        {t("users.add")}
      </button>
    </form>
  );
}
