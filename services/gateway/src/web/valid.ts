// Reads what a caller sent by its schema, or names everything that is wrong with it at once.
import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { Fault } from '@rejoinder/base/fault';
import { plainWords } from './plain-words.js';

const maxProblems = 20;
const maxKey = 100;

export class Valid<T> implements PipeTransform<unknown, T> {
  constructor(
    private readonly schema: z.ZodType<T>,
    /** What the caller calls it where the schema has no name of its own, such as a parameter. */
    private readonly name = '',
  ) {}

  transform(value: unknown): T {
    const result = this.schema.safeParse(value, { error: plainWords });
    if (result.success) return result.data;
    const problems = result.error.issues.flatMap((issue) => this.#problems(issue));
    const shown = [...problems.slice(0, maxProblems), ...(problems.length > maxProblems ? ['and more'] : [])];
    throw new Fault('invalid', 'INVALID', shown.join('; '));
  }

  /** Each by the name of its field: to.0.address: must be … */
  #problems(issue: z.core.$ZodIssue): string[] {
    const named = (message: string, ...more: string[]) => {
      const path = [this.name, ...issue.path, ...more].filter((one) => one !== '').join('.');
      return path === '' ? `The body ${message}` : `${path}: ${message}`;
    };
    if (issue.code !== 'unrecognized_keys') return [named(issue.message)];
    return issue.keys.map((key) => named('is not known here, leave it out', key.slice(0, maxKey)));
  }
}
