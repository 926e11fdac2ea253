// Where Prisma finds the schema; migrations are plain SQL and applied by `rejoinder migrate`.
import { defineConfig } from 'prisma/config';

export default defineConfig({ schema: 'prisma/schema.prisma' });
