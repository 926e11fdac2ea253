// Reads what a caller sent by its schema, or names everything that is wrong with it at once.
import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { Fault } from '@rejoinder/base/fault';

const maxProblems = 20;

export class Valid<T> implements PipeTransform<unknown, T> {
  constructor(
    private readonly schema: z.ZodType<T>,
    /** What the caller calls it where the schema has no name of its own, such as a parameter. */
    private readonly name = '',
  ) {}

  transform(value: unknown): T {
    const result = this.schema.safeParse(value);
    if (result.success) return result.data;
    const problems = result.error.issues.map(
      (issue) => `${[this.name, ...issue.path].filter((one) => one !== '').join('.')}: ${issue.message}`,
    );
    const shown = [...problems.slice(0, maxProblems), ...(problems.length > maxProblems ? ['and more'] : [])];
    throw new Fault('invalid', 'INVALID', shown.map((one) => one.replace(/^: /, '')).join('; '));
  }
}
