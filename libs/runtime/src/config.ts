// Settings: declared once with meaning and default, read once at start, and every wrong one named at once.
import { z } from 'zod';
import { Private } from '@rejoinder/base/private';
import { Fault } from '@rejoinder/base/fault';

/** One setting: its environment variable, what it means in one line, and how its text is read. */
export interface Setting<T> {
  env: string;
  meaning: string;
  /** Undefined in the environment is given to this as undefined: it answers the default, or refuses. */
  schema: z.ZodType<T, string | undefined>;
  secret?: boolean;
}

export type Settings = Record<string, Setting<unknown>>;
export type Values<S extends Settings> = { [K in keyof S]: S[K] extends Setting<infer T> ? T : never };
export type Environment = Record<string, string | undefined>;

const text = z.string().optional();

/** A number with bounds; its unit stands in the variable's name. */
export function numberSetting(
  env: string,
  meaning: string,
  { default: fallback, min, max }: { default: number; min: number; max: number },
): Setting<number> {
  const schema = text.transform((value, context) => {
    const number = value === undefined || value === '' ? fallback : Number(value);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    context.addIssue({ code: 'custom', message: `must be a whole number from ${min} to ${max}` });
    return z.NEVER;
  });
  return { env, meaning, schema };
}

/** One of a closed list. */
export function choiceSetting<const T extends string>(env: string, meaning: string, choices: readonly T[], fallback?: T): Setting<T> {
  const schema = text.transform((value, context): T => {
    const chosen = choices.find((choice) => choice === (value || fallback));
    if (chosen !== undefined) return chosen;
    context.addIssue({ code: 'custom', message: `must be one of ${choices.join(', ')}` });
    return z.NEVER;
  });
  return { env, meaning, schema };
}

/** What a text must look like, and how that is said after "must be". */
export interface Form {
  pattern: RegExp;
  said: string;
}

export const hostAndPort: Form = { pattern: /^[^/]+:\d{1,5}$/, said: 'host:port' };
export const grpcAddress: Form = { pattern: /^(unix:.+|[^/]+:\d{1,5})$/, said: 'host:port or unix:path' };
export const postgresUrl: Form = { pattern: /^postgres(ql)?:\/\//, said: 'postgres://user:password@host:port/database' };

/** Text, of any form unless one is named; without a default it must be set. */
export function textSetting(env: string, meaning: string, fallback?: string, form?: Form): Setting<string> {
  return { env, meaning, schema: formed(required(fallback), form) };
}

/** Text that may be absent. */
export function optionalSetting(env: string, meaning: string, form?: Form): Setting<string | undefined> {
  return {
    env,
    meaning,
    schema: formed(
      text.transform((value) => value || undefined),
      form,
    ),
  };
}

/** A secret: it cannot be printed by accident. */
export function secretSetting(env: string, meaning: string, fallback?: string, form?: Form): Setting<Private<string>> {
  return { env, meaning, schema: formed(required(fallback), form).transform((value) => new Private(value)), secret: true };
}

function formed<T extends string | undefined>(schema: z.ZodType<T, string | undefined>, form: Form | undefined) {
  return schema.refine((value) => value === undefined || form === undefined || form.pattern.test(value), `must be ${form?.said}`);
}

function required(fallback: string | undefined) {
  return text.transform((value, context) => {
    const given = value || fallback;
    if (given !== undefined) return given;
    context.addIssue({ code: 'custom', message: 'must be set' });
    return z.NEVER;
  });
}

/** A list joined by commas, each of which `read` takes; what it must be is said after "must be". */
export function listSetting<T>(
  env: string,
  meaning: string,
  { fallback, read, said }: { fallback: string; read: (text: string) => T | undefined; said: string },
): Setting<T[]> {
  const schema = z
    .string()
    .optional()
    .transform((value, context) => {
      const words = (value || fallback).split(',').flatMap((word) => word.trim() || []);
      const items = words.map(read).filter((item) => item !== undefined);
      if (items.length === words.length) return items;
      context.addIssue({ code: 'custom', message: `must be ${said}` });
      return z.NEVER;
    });
  return { env, meaning, schema };
}

/** Reads all settings, or throws one Fault that names every wrong one: its variable, its meaning and what it must be; never the value of a secret. */
export function readSettings<S extends Settings>(settings: S, env: Environment): Values<S> {
  const values: Record<string, unknown> = {};
  const wrong: string[] = [];
  for (const [name, setting] of Object.entries(settings)) {
    const result = setting.schema.safeParse(env[setting.env]);
    if (result.success) values[name] = result.data;
    else wrong.push(`${setting.env} ${result.error.issues[0]?.message ?? 'is wrong'}${given(setting, env)} (${setting.meaning})`);
  }
  if (wrong.length > 0) throw new Fault('invalid', 'SETTINGS', `Wrong settings:\n  ${wrong.join('\n  ')}`);
  return values as Values<S>;
}

function given(setting: Setting<unknown>, env: Environment): string {
  const value = env[setting.env];
  return value === undefined || setting.secret ? '' : `, not "${value.slice(0, 60)}"`;
}
