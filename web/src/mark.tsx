// The sign of the service.

export function Mark() {
    return (
        <svg class="logo" viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path
                d="M5 21h4l3-9 5 13 4-17 3 13h3"
                fill="none"
                stroke="#fff"
                stroke-width="2.6"
                stroke-linecap="round"
                stroke-linejoin="round"
            />
        </svg>
    );
}
