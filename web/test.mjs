// Runs the unit tests: bundles each of src/*.test.ts for node's own test runner.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';

const src = join(import.meta.dirname, 'src');
const out = mkdtempSync(join(import.meta.dirname, '.test-'));
try {
    const entryPoints = readdirSync(src)
        .filter((name) => name.endsWith('.test.ts'))
        .map((name) => join(src, name));
    await build({
        entryPoints,
        bundle: true,
        platform: 'node',
        format: 'esm',
        outdir: out,
        outExtension: { '.js': '.mjs' },
        logLevel: 'warning',
    });
    const ran = spawnSync(process.execPath, ['--test', ...readdirSync(out).map((name) => join(out, name))], { stdio: 'inherit' });
    process.exitCode = ran.status ?? 1;
} finally {
    rmSync(out, { recursive: true, force: true });
}
