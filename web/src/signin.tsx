// Signing in. The address keeps the view that was asked for, so that it is there afterwards.
import { useState } from 'preact/hooks';
import { signInByPassword, signInByToken, signInToDemo, whyNot, type Session } from './session';
import { Mark } from './mark';
import { Choice, Field } from './ui';
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
    const [isToken, setToken] = useState(!session.login || wanted === 'operator');
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
    const demo = (role: Role, label: string) => (
        <Choice
            label={label}
            test={`demo-${role}`}
            className={`button ${role === (wanted ?? 'customer') ? 'primary' : ''}`}
            disabled={isBusy}
            onClick={() => void attempt(() => signInToDemo(role), true)}
        />
    );
    const way = (byToken: boolean, label: string, test: string) => (
        <Choice
            label={label}
            test={test}
            pressed={isToken === byToken}
            onClick={() => {
                setToken(byToken);
                setProblem('');
                setSecret('');
            }}
        />
    );
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
                {wanted !== null && (
                    <div class="note" role="status" data-test="other-role">
                        <div>
                            {wanted === 'operator'
                                ? 'This link is to the operator\u2019s view: sign in with an operator\u2019s token. Logins with a password are for customers.'
                                : 'This link is to a customer\u2019s view: sign in with a customer\u2019s login or token.'}
                        </div>
                        {onOther !== null && <Choice label="Show mine" test="own-view" onClick={onOther} />}
                    </div>
                )}
                {session.demo !== null && (
                    <div class="demo" data-test="demo">
                        <p>
                            <b>A demo</b> with made-up calls runs here: no password needed.
                        </p>
                        <div class="actions">
                            {demo('customer', `Look as ${session.demo.customers[0]?.name ?? 'a customer'}`)}
                            {session.demo.operator && demo('operator', 'Look as the operator')}
                        </div>
                    </div>
                )}
                {session.login && (
                    <div class="group" role="group" aria-label="Way to sign in">
                        {way(false, 'Password', 'by-password')}
                        {way(true, 'Token', 'by-token')}
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
                            <Field
                                label="Login"
                                test="login"
                                value={login}
                                onValue={setLogin}
                                of={{ required: true, autocomplete: 'username' }}
                            />
                            <Field
                                label="Password"
                                test="password"
                                value={secret}
                                onValue={setSecret}
                                of={{ type: 'password', required: true, autocomplete: 'current-password' }}
                            />
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
