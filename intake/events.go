package intake

import "github.com/google/go-github/v62/github"

// newerEvents are the names in GitHub's webhook descriptions (github.com,
// Enterprise Cloud, Enterprise Server 3.14 to 3.19) that go-github v62 does
// not know.
var newerEvents = []string{
	"branch_protection_configuration", "cache_sync", "custom_property", "custom_property_values",
	"deployment_review", "dismissal_request_code_scanning", "dismissal_request_secret_scanning",
	"enterprise", "exemption_request_push_ruleset", "exemption_request_secret_scanning",
	"issue_dependencies", "organization_custom_property", "organization_custom_property_values",
	"projects_v2_status_update", "registry_package", "repository_advisory", "repository_ruleset",
	"secret_scanning_alert_location", "secret_scanning_scan", "sponsorship", "sub_issues",
}

// knownEvents is every webhook event that has a name today.
func knownEvents() []string { return append(github.MessageTypes(), newerEvents...) }
