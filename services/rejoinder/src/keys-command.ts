// `rejoinder keys`: which keys of the key file wrap what is in the keyring, and the exchange of one for another.
import { readSettings, type Environment } from '@rejoinder/runtime/config';
import { houseSettings } from '@rejoinder/runtime/house-settings';
import { requireDatabase } from '@rejoinder/runtime/reachable';
import { fileKey, type KeyEncryption } from '@rejoinder/vault/kek';
import { openAsOwner, rewrap, wrappedKeys } from '@rejoinder/vault/rewrap';
import type pg from 'pg';
import { settingsHere } from './running-here.js';

interface Options {
  data?: string;
}

const settings = { keyringUrl: houseSettings.keyringUrl, keyFile: houseSettings.keyFile };
/** Of damaged keys, so many are named. */
const maxNamed = 20;

/** A line for each key; true only if the key file has all that are needed. */
export async function listKeys(env: Environment, { data }: Options, print: (text: string) => void): Promise<boolean> {
  return withKeyring(env, data, async (keyring, kek) => {
    const wrapped = new Map((await wrappedKeys(keyring)).map(({ kekId, keys }) => [kekId, keys]));
    const ids = [...new Set([...kek.ids, ...wrapped.keys()])];
    const said = (id: string) => (id === kek.id ? 'wraps' : kek.ids.includes(id) ? 'opens' : 'MISSING in the key file');
    print(ids.map((id) => `${id}  ${String(wrapped.get(id) ?? 0).padStart(8)} keys  ${said(id)}`).join('\n'));
    return ids.length === kek.ids.length;
  });
}

/** True only if all that is in the keyring is wrapped by the first key of the file now. */
export async function rewrapKeys(env: Environment, { data }: Options, print: (text: string) => void): Promise<boolean> {
  return withKeyring(env, data, async (keyring, kek) => {
    const { keys, damaged } = await rewrap(keyring, kek);
    print(`Wrapped anew by ${kek.id}: ${keys} keys.`);
    for (const { purpose, tenantId, day } of damaged.slice(0, maxNamed))
      print(`Damaged, as it was: the key of ${purpose} of ${tenantId}, day ${day}.`);
    const left = (await wrappedKeys(keyring)).filter(({ kekId }) => kekId !== kek.id);
    for (const { kekId, keys: count } of left) print(`Still wrapped by ${kekId}: ${count} keys.`);
    print(
      left.length === 0
        ? 'Nothing is wrapped by another key: the others may be taken out of the key file.'
        : 'Take no key out of the key file yet.',
    );
    return left.length === 0;
  });
}

async function withKeyring<T>(
  env: Environment,
  data: string | undefined,
  work: (keyring: pg.Client, kek: KeyEncryption) => Promise<T>,
): Promise<T> {
  const { keyringUrl, keyFile } = readSettings(settings, settingsHere(env, settings.keyringUrl.env, data));
  const kek = await fileKey(keyFile);
  await requireDatabase(settings.keyringUrl.env, keyringUrl.reveal(), 'keyring');
  const keyring = await openAsOwner(keyringUrl.reveal());
  try {
    return await work(keyring, kek);
  } finally {
    await keyring.end();
  }
}
