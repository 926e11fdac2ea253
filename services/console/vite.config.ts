// Builds the console into dist/, which the gateway serves.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  build: { target: 'es2023', sourcemap: false, chunkSizeWarningLimit: 900 },
  server: { proxy: { '/v1': 'http://127.0.0.1:7420', '/open': 'http://127.0.0.1:7420' } },
});
