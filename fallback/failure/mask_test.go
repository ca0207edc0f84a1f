package failure

import (
	"fmt"
	"strings"
	"testing"
)

func TestMaskForms(t *testing.T) {
	const secret = "hunter2hunter2hunter2"
	for _, form := range []string{
		"login failed: DEPLOY_TOKEN_PROD=%s", "SECRET_VALUE=%s", "PGPASSWORD=%s", "DB_PASS=%s", "PASSWORD_1: %s", "secretValue=%s", "token=a,%s",
		"Authorization: token %s", "-H 'Authorization: token %s' failed", "Proxy-Authorization: Digest %s", `"authorization": "%s"`,
		"mysql --password %s failed", "mysql --password=%s", "cli --api-token '%s'", "curl -u admin:%s failed", "curl -uadmin:%s", "curl --user admin:%s",
		"AccountName=x;AccountKey=%s==", "SharedAccessKey=%s", "Cookie: session=%s", "set-cookie: a=b; session=%s; path=/", "X-Api-Key: %s",
		"https://hooks.slack.com/services/T00000000/B00000000/%s", "https://discord.com/api/webhooks/123/%s", "https://acme.webhook.office.com/webhookb2/%s",
		"SG.%s.%[1]s", "123456789:AAE%s-abcdefghijk", "eyJhbGciOiJIUzI1NiJ9.%s.%[1]s", "-----BEGIN OPENSSH PRIVATE KEY----- %s",
		"https://user:p@ss%s@example.org/x", "https://%s@example.org", `{\"password\":\"%s\"}`, "https://maps.example.org/x?key=%s",
	} {
		line := "Error: " + fmt.Sprintf(form, secret)
		if got := Clean([]byte(line)); strings.Contains(got, "hunter2") || !strings.HasPrefix(got, "Error: ") || !strings.Contains(got, masked) {
			t.Errorf("%q became %q", line, got)
		}
	}
	for _, opaque := range []string{
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",                         // AWS's example of a secret key
		"MIIEpAIBAAKCAQEA7bq1/Zk3Qv9+8yXw2mJ4cN6sT0uLr5pHd/Eg1fKjBnVoWaSi", // a line of PEM
	} {
		if got := Clean([]byte("Error: " + opaque)); strings.Contains(got, opaque[:12]) {
			t.Errorf("%q became %q", opaque, got)
		}
	}
	for _, harmless := range []string{
		"Error: /home/runner/work/Site2/Site2/src/main/java/com/acme/handlers/LoginHandler.java:3", "TypeError: Cannot read property 'x' of undefined",
		"SecretNotFoundException: ci/prod", "http://localhost:4873/@acme/site is not in this registry", "docker run --port 80:80 acme/site",
		"Error: Input required and not supplied", "cookies are not enabled", "AssertionError: expected 1 to equal 2", "git push -u origin main",
	} {
		if got := Clean([]byte(harmless)); got != harmless {
			t.Errorf("%q became %q", harmless, got)
		}
	}
}
