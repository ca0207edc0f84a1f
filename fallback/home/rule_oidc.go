package home

import (
	"strings"

	"github.com/rhysd/actionlint"
)

var ruleOIDC = Rule{
	ID: "oidc", Refuses: "the permission `id-token: write`, also as part of `write-all`",
	Why: "only GitHub issues the token that others trust",
}

func (j *judge) jobPermissions(_ *file, at place, job *actionlint.Job) { j.oidc(at, job.Permissions) }

func (j *judge) oidc(at place, p *actionlint.Permissions) {
	if p == nil {
		return
	}
	at.line = p.Pos.Line
	if p.All != nil && p.All.Value != "read-all" {
		j.refuse(&ruleOIDC, at, "the permissions %s ask for an OIDC token, which only GitHub issues", show(p.All.Value))
	}
	for name, s := range p.Scopes {
		if strings.EqualFold(name, "id-token") && (s.Value == nil || s.Value.Value != "none" && s.Value.Value != "read") {
			j.refuse(&ruleOIDC, at, "the permission id-token asks for an OIDC token, which only GitHub issues")
		}
	}
}
