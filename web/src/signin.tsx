// Signing in. The address keeps the view that was asked for, so that it is there afterwards.
import { useState } from 'preact/hooks';
import { signInByPassword, signInByToken, signInToDemo, whyNot, type Session } from './session';
import { Mark } from './mark';
import type { Role } from './view';

interface SignInProps {
    readonly session: Session;
    /** Whether a session was there and has ended. */
    readonly ended: boolean;
    /** Whose view the address is of, if it says so. */
    readonly wanted: Role | null;
    readonly onDone: () => Promise<void>;
    /** Shows the view that the browser is signed in to, if it is. */
    readonly onOther: (() => void) | null;
}

export function SignIn({ session, ended, wanted, onDone, onOther }: SignInProps) {
    const [isToken, setToken] = useState(!session.login);
    const [login, setLogin] = useState('');
    const [secret, setSecret] = useState('');
    const [problem, setProblem] = useState('');
    const [isBusy, setBusy] = useState(false);
    const attempt = async (way: () => Promise<void>, byToken: boolean) => {
        setBusy(true);
        setProblem('');
        try {
            await way();
            setSecret('');
            await onDone();
        } catch (error) {
            setProblem(whyNot(error, byToken));
        } finally {
            setBusy(false);
        }
    };
    const submit = (event: Event) => {
        event.preventDefault();
        void attempt(() => (isToken ? signInByToken(secret) : signInByPassword(login, secret)), isToken);
    };
    return (
        <main class="sign-in" data-test="sign-in">
            <div class="card">
                <h1>
                    <Mark />
                    cdrscope
                </h1>
                <p class="soft">Quality, traffic and money of phone calls.</p>
                {ended && (
                    <p class="note" role="status" data-test="session-ended">
                        The session has ended. Sign in, and the same view is back.
                    </p>
                )}
                {onOther !== null && (
                    <div class="note" role="status" data-test="other-role">
                        <div>
                            This view is {wanted === 'operator' ? 'the operator\u2019s' : 'a customer\u2019s'}: sign in with a token of that
                            kind.
                        </div>
                        <button type="button" class="button" data-test="own-view" onClick={onOther}>
                            Show mine
                        </button>
                    </div>
                )}
                {session.demo !== null && (
                    <div class="demo" data-test="demo">
                        <p>
                            <b>A demo</b> with made-up calls runs here: no password needed.
                        </p>
                        <div class="actions">
                            <button
                                type="button"
                                class="button primary"
                                disabled={isBusy}
                                data-test="demo-customer"
                                onClick={() => attempt(() => signInToDemo('customer'), true)}
                            >
                                Look as {session.demo.customers[0]?.name ?? 'a customer'}
                            </button>
                            {session.demo.operator && (
                                <button
                                    type="button"
                                    class="button"
                                    disabled={isBusy}
                                    data-test="demo-operator"
                                    onClick={() => attempt(() => signInToDemo('operator'), true)}
                                >
                                    Look as the operator
                                </button>
                            )}
                        </div>
                    </div>
                )}
                {session.login && (
                    <div class="group" role="group" aria-label="Way to sign in">
                        <button
                            type="button"
                            class="button"
                            aria-pressed={!isToken}
                            data-test="by-password"
                            onClick={() => {
                                setToken(false);
                                setProblem('');
                                setSecret('');
                            }}
                        >
                            Password
                        </button>
                        <button
                            type="button"
                            class="button"
                            aria-pressed={isToken}
                            data-test="by-token"
                            onClick={() => {
                                setToken(true);
                                setProblem('');
                                setSecret('');
                            }}
                        >
                            Token
                        </button>
                    </div>
                )}
                <form class="form" onSubmit={submit}>
                    {isToken ? (
                        <label class="field">
                            Token, as for the API
                            <textarea
                                class="input"
                                rows={3}
                                required
                                spellcheck={false}
                                autocomplete="off"
                                value={secret}
                                data-test="token"
                                onInput={(event) => setSecret(event.currentTarget.value)}
                            />
                        </label>
                    ) : (
                        <>
                            <label class="field">
                                Login
                                <input
                                    class="input"
                                    required
                                    autocomplete="username"
                                    value={login}
                                    data-test="login"
                                    onInput={(event) => setLogin(event.currentTarget.value)}
                                />
                            </label>
                            <label class="field">
                                Password
                                <input
                                    class="input"
                                    type="password"
                                    required
                                    autocomplete="current-password"
                                    value={secret}
                                    data-test="password"
                                    onInput={(event) => setSecret(event.currentTarget.value)}
                                />
                            </label>
                        </>
                    )}
                    {problem !== '' && (
                        <p class="bad" role="alert" data-test="sign-in-problem">
                            {problem}
                        </p>
                    )}
                    <button type="submit" class="button primary" disabled={isBusy} data-test="sign-in-submit">
                        {isBusy ? 'Signing in…' : 'Sign in'}
                    </button>
                    <p class="soft">
                        {isToken
                            ? 'It is exchanged for a cookie that no script can read; the page keeps nothing of it. It may be a customer’s or the operator’s.'
                            : 'A cookie that no script can read keeps the session.'}
                    </p>
                </form>
            </div>
        </main>
    );
}
