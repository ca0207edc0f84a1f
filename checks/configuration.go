package checks

import (
	"slices"

	"github.com/redundancy-app/redundancy/checks/rules"
	"github.com/redundancy-app/redundancy/config"
)

// configuration finds the configuration that the commit is judged under: its
// own when that is good, else the one in force. What is wrong with its own is
// added to the findings; no rule of a configuration switches that off.
func (r *Report) configuration(files map[string]file, inForce *Effective) ignoring {
	if inForce != nil && inForce.Source == SourceNone {
		inForce = nil
	}
	own, parse := config.RepositoryPath, config.ParseRepository
	f, ok := files[own]
	r.Source = SourceOwn
	if !ok {
		own, parse = config.OriginalPath, config.ParseOriginal
		f, ok = files[own]
		r.Source = SourceOriginal
		if ok && inForce != nil && inForce.Source == SourceOwner {
			ok = false // the owner's default comes before the original's file
		}
	}
	if !ok {
		r.Source = SourceNone
		if inForce == nil {
			return ignoring{}
		}
		r.Source = inForce.Source
		return newIgnoring(inForce.Repository.Validate)
	}
	r.Config = own
	var repository config.Repository
	if f.tooLarge > 0 {
		r.Findings = []config.Finding{rules.TooLarge(f.tooLarge)}
	} else {
		repository, r.Findings = parse(own, f.content)
		if !broken(r.Findings) {
			r.Findings = append(r.Findings, config.CheckReferences(own, f.content, repository, r.workflows)...)
		}
	}
	for i := range r.Findings {
		r.Findings[i].File = own
	}
	rules.Sort(r.Findings)
	r.Findings = slices.Compact(r.Findings)
	r.Broken = broken(r.Findings)
	if !r.Broken {
		return newIgnoring(repository.Validate)
	}
	r.InForce = inForce
	if inForce == nil {
		return ignoring{}
	}
	return newIgnoring(inForce.Repository.Validate)
}

func broken(found []config.Finding) bool {
	return slices.ContainsFunc(found, func(f config.Finding) bool { return f.Severity == config.Error })
}
