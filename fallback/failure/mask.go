package failure

import (
	"regexp"
	"strings"
)

// masked stands for what looks like a secret.
const masked = "***"

// secrets are the forms of credentials. GitHub masks the secrets that it knows
// before it stores a log; these are the ones that it was never told of.
var secrets = []struct {
	form *regexp.Regexp
	with string
}{
	// https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
	{regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9_.-]{16,}|github_pat_\w{16,}|v1\.[0-9a-f]{40})`), masked},
	// AWS key ids, Slack, npm, PyPI, Google, Stripe, GitLab, Netlify.
	{regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`), masked},
	{regexp.MustCompile(`\b(?:xox[a-z]-[\w-]{8,}|npm_\w{20,}|pypi-[\w-]{16,}|AIza[\w-]{30,}|[sr]k_(?:live|test)_\w{10,}|glpat-[\w-]{16,}|nfp_\w{20,})`), masked},
	{regexp.MustCompile(`\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?`), masked}, // JSON web tokens
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY.*`), masked},
	{regexp.MustCompile(`(://)[^/\s@]+@`), "${1}" + masked + "@"}, // user:password in URLs
	{regexp.MustCompile(`(?i)\b(bearer|basic|negotiate)\s+[\w.~+/=-]{6,}`), "${1} " + masked},
	{regexp.MustCompile(`(?i)([\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|signature|\bsig|\bpwd)["']?\s*(?:=>?|:)\s*)("[^"]*"?|'[^']*'?|[^\s,;&"']+)`), "${1}" + masked},
}

// opaque are words long enough to be a key.
var opaque = regexp.MustCompile(`[A-Za-z0-9+_-]{32,}={0,2}`)

// Mask replaces what looks like a credential by "***". It errs on the side of
// masking: a word of 32 characters that mixes cases and digits is one.
func Mask(s string) string {
	for _, f := range secrets {
		s = f.form.ReplaceAllString(s, f.with)
	}
	return opaque.ReplaceAllStringFunc(s, func(word string) string {
		const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		if strings.ContainsAny(word, digits) && strings.ContainsAny(word, lower) && strings.ContainsAny(word, upper) {
			return masked
		}
		return word
	})
}
