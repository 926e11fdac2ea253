// The rules of webhooks: how many there may be, which addresses they may have, which events they are told, and for how long each is tried.
import { randomBytes } from 'node:crypto';
import { Private } from '@rejoinder/base/private';
import { topics, type Topic } from '@rejoinder/contracts/topics';
import type { Facts } from '../feed/facts.js';

export const maxWebhooks = 10;
/** Deliveries that may wait for one webhook; what comes beyond is left out, and can be replayed. */
export const maxWaiting = 100_000;
export const maxUrl = 2_000;
/** The secret before signs as well for this long after a new one was made. */
export const bothSignMs = 86_400_000;

const dayMs = 86_400_000;
const triedForDays = 3;
const secretBytes = 32;
/** So much less than the days of the wire may a delivery of the evening be kept: the rest of its day, and the hours by which a day is dropped early. */
const droppedEarlyMs = 1.25 * dayMs;

export type WebhookState = 'on' | 'paused' | 'off';

/** By the names of the contract: every event that may leave the house. */
export const eventKinds: string[] = Object.values<Topic>(topics).flatMap((topic) =>
  topic.public ? topic.events.map(({ name }) => name) : [],
);

/** https, and nothing in it that would not be sent or should not be stored. */
export function readUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '';
  return isPlain ? url : undefined;
}

export const wants = (events: readonly string[], type: string): boolean => events.length === 0 || events.includes(type);

/** 32 random bytes, as Standard Webhooks writes them. */
export const newSecret = (): Private<string> => new Private(`whsec_${randomBytes(secretBytes).toString('base64')}`);

/** For how long one is tried: three days, or as long as it is certainly kept. */
export const triedForMs = (wireDays: number): number => Math.min(triedForDays * dayMs, wireDays * dayMs - droppedEarlyMs);

/** What a receiver is told: the event's own name and time, and what the feed tells of it. */
export function bodyOf(type: string, { time, ...data }: Facts & { time: string }): string {
  return JSON.stringify({ type, timestamp: time, data });
}
