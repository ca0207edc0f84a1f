package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/repoconfig"
	"github.com/redundancy-app/redundancy/store"
)

// maxBroken bounds the broken configurations of an answer.
const maxBroken = 100

// BrokenConfiguration is a repository's newest configuration that has errors,
// with the first of them. It never takes effect.
type BrokenConfiguration struct {
	Repo    string `json:"repo"`   // owner/name
	Source  string `json:"source"` // own, owner (the default in the owner's repository .github) or original
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Errors  int    `json:"errors"` // in that version, this one among them
	// InForce says that the last good version is in force. Without one nothing
	// of the repository is watched.
	InForce bool      `json:"in_force"`
	Since   time.Time `json:"since"`
}

// Where is the place of the error, as "file:line:column".
func (b BrokenConfiguration) Where() string {
	place := fmt.Sprintf("%s:%d:%d", b.File, b.Line, b.Column)
	if b.Source == string(repoconfig.Owner) {
		return "the owner's default, " + place
	}
	return place
}

// String says what is wrong, where, and what that means.
func (b BrokenConfiguration) String() string {
	s := b.Where() + ": " + b.Message
	if b.Fix != "" {
		s += " (" + b.Fix + ")"
	}
	if b.Errors > 1 {
		s += fmt.Sprintf(" (the first of %d errors)", b.Errors)
	}
	if b.InForce {
		return s + "; the last good version stays in force"
	}
	return s + "; nothing is watched until it is repaired"
}

// broken is the view of a stored row; ok is false when it is not broken.
func broken(row store.RepositoryConfig) (b BrokenConfiguration, ok bool, err error) {
	var found []config.Finding
	if len(row.Findings) > 0 {
		if err := json.Unmarshal(row.Findings, &found); err != nil {
			return b, false, fmt.Errorf("decode stored findings of %s/%s: %w", row.Owner, row.Name, err)
		}
	}
	b = BrokenConfiguration{
		Repo: row.Owner + "/" + row.Name, Source: row.Source, File: row.Path,
		InForce: row.GoodSource != "" && row.GoodSource != string(repoconfig.None), Since: row.ChangedAt.Time(),
	}
	for _, f := range found {
		if f.Severity != config.Error {
			continue
		}
		if b.Errors++; b.Errors == 1 {
			b.Line, b.Column, b.Rule, b.Message, b.Fix = f.Line, f.Column, f.Rule, f.Message, f.Fix
		}
	}
	return b, b.Errors > 0, nil
}

// brokenConfigurations lists them, by name, at most maxBroken of total.
func (s *server) brokenConfigurations(ctx context.Context) (list []BrokenConfiguration, total int64, err error) {
	rows, total, err := s.cfg.Repositories.BrokenConfigs(ctx, maxBroken)
	list = []BrokenConfiguration{}
	for _, row := range rows {
		b, ok, err := broken(row)
		if err != nil {
			return nil, 0, err
		}
		if ok {
			list = append(list, b)
		}
	}
	return list, total, err
}

// explainNoScore adds the broken configurations to an answer about health, of
// one repository or of all. One that nothing stands in for is why there is no
// score: "no workflow is watched" would send people looking elsewhere.
func (s *server) explainNoScore(ctx context.Context, h *Health, repo store.Repository, one bool) error {
	if one {
		row, known, err := s.cfg.Repositories.RepositoryConfig(ctx, repo.ID)
		if err != nil || !known || !row.Broken {
			return err
		}
		row.Owner, row.Name = repo.Owner, repo.Name
		b, ok, err := broken(row)
		if err != nil || !ok {
			return err
		}
		h.Broken = []BrokenConfiguration{b}
	} else {
		var err error
		if h.Broken, _, err = s.brokenConfigurations(ctx); err != nil {
			return err
		}
	}
	if h.Score != nil || h.AsOf.IsZero() {
		return nil
	}
	for _, b := range h.Broken {
		if !b.InForce {
			h.WhyNoScore = fmt.Sprintf("the configuration of %s is broken: %s", b.Repo, b)
			break
		}
	}
	return nil
}
