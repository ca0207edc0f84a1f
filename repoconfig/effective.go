package repoconfig

import (
	"encoding/json"
	"fmt"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// Source says where a configuration comes from. It is stored.
type Source string

// The sources, in the order in which they are looked for.
const (
	Own      Source = "own"      // the repository's own file
	Owner    Source = "owner"    // the owner's default, in the repository ".github"
	Original Source = "original" // the original system's file
	None     Source = "none"     // there is none: advice only
)

// Version is one version of a configuration file.
type Version struct {
	Source  Source
	Path    string
	Commit  string // of the repository that holds the file
	BlobSHA string
}

// Effective is what holds for a repository.
type Effective struct {
	// Repository is in force. It is empty when nothing is.
	Repository config.Repository
	// InForce is the version that Repository was read from.
	InForce Version
	// Version is the newest one, which Findings are about. It differs from
	// InForce only while Broken.
	Version
	// Broken says that the newest version has errors and is not in force.
	Broken   bool
	Findings []config.Finding
}

func effective(row store.RepositoryConfig) (Effective, error) {
	e := Effective{
		Version: Version{Source(row.Source), row.Path, row.CommitSHA, row.BlobSHA},
		InForce: Version{Source(row.GoodSource), row.GoodPath, row.GoodCommitSHA, row.GoodBlobSHA},
		Broken:  row.Broken,
	}
	if len(row.Good) > 0 {
		if err := json.Unmarshal(row.Good, &e.Repository); err != nil {
			return Effective{}, fmt.Errorf("decode stored configuration of %s/%s: %w", row.Owner, row.Name, err)
		}
	}
	if len(row.Findings) > 0 {
		if err := json.Unmarshal(row.Findings, &e.Findings); err != nil {
			return Effective{}, fmt.Errorf("decode stored findings of %s/%s: %w", row.Owner, row.Name, err)
		}
	}
	return e, nil
}
