package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/store"
)

// What recoveries depend on, besides AgentPrefix + a host's name.
const (
	Actions     = "github-actions"  // whether runs begin
	API         = "github-api"      // whether GitHub answers
	Webhooks    = "github-webhooks" // whether GitHub tells; no step needs it
	AgentPrefix = "agent:"
)

// Limit is the budget that GitHub grants an installation. It is one's own
// trouble, so it is no upstream incident.
func Limit(installation int64) string { return fmt.Sprintf("%s/%d", API, installation) }

// IsLimit says whether a dependency is the budget of an installation.
func IsLimit(name string) bool { return strings.HasPrefix(name, API+"/") }

// names are those of what all depend on, for people.
var names = map[string]string{Actions: "GitHub Actions", API: "GitHub's API", Webhooks: "GitHub's delivery of webhooks"}

// Name is a dependency's name for people, the beginning of a sentence.
func Name(name string) string {
	if shown, ok := names[name]; ok {
		return shown
	}
	if IsLimit(name) {
		return "GitHub's API, whose rate limit this installation has reached,"
	}
	if host, ok := strings.CutPrefix(name, AgentPrefix); ok {
		return "host " + host
	}
	return name
}

// Dependency is a dependency with its breaker as stored, which can be older
// than what it has become by the passing of time; see [Health.Now].
type Dependency struct {
	store.Dependency
	Stored storm.Breaker
}

// Read reads a dependency. One that was never heard of is all right.
func Read(ctx context.Context, db bun.IDB, name string) (Dependency, error) {
	row, err := store.ReadDependency(ctx, db, name)
	if err != nil {
		return Dependency{}, err
	}
	return Parse(row)
}

// Parse reads the breaker in a row.
func Parse(row store.Dependency) (Dependency, error) {
	d := Dependency{Dependency: row, Stored: storm.Breaker{State: storm.Closed}}
	if row.Breaker == "" {
		return d, nil
	}
	if err := json.Unmarshal([]byte(row.Breaker), &d.Stored); err != nil {
		return d, fmt.Errorf("read breaker of %s: %w", row.Name, err)
	}
	return d, nil
}
