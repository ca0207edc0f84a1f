package config

// Agent is agent.yml: what one host looks after and what may run there. It is
// the only authority on that; neither the App nor a repository can add to it.
type Agent struct {
	// Server that the agent dials, HOST:PORT. Left out, it works alone.
	Server string `yaml:"server,omitempty" json:"server,omitempty" jsonschema:"maxLength=255"`
	// Name of the host, as repositories call it.
	Name string `yaml:"name,omitempty" json:"name,omitempty" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$,maxLength=63"`
	// PM2 daemons to look after.
	PM2 *PM2 `yaml:"pm2,omitempty" json:"pm2,omitempty"`
	// Git working copies to keep in sync.
	Git []GitCopy `yaml:"git,omitempty" json:"git,omitempty" jsonschema:"maxItems=100"`
	// Netlify sites to probe.
	Netlify []NetlifySite `yaml:"netlify,omitempty" json:"netlify,omitempty" jsonschema:"maxItems=100"`
	// Build health of working copies.
	Build []Build `yaml:"build,omitempty" json:"build,omitempty" jsonschema:"maxItems=100"`
	// Actions that may be asked for, by name.
	Actions map[string]Action `yaml:"actions,omitempty" json:"actions,omitempty" jsonschema:"maxProperties=500"`
	// Backup of the agent's own state and of what it looks after.
	Backup *Backup `yaml:"backup,omitempty" json:"backup,omitempty"`
}

// PM2 says which PM2 daemons the host looks after.
type PM2 struct {
	// Homes are PM2_HOME directories; "auto" finds those of this account.
	Homes []string `yaml:"homes,omitempty" json:"homes,omitempty" jsonschema:"minLength=1,maxItems=50"`
	// Interval of the check that backs up PM2's own events.
	Interval Duration `yaml:"interval,omitempty" json:"interval,omitempty"`
	// Expect lists processes that must be online, whoever stopped them.
	Expect []PM2Process `yaml:"expect,omitempty" json:"expect,omitempty" jsonschema:"maxItems=500"`
	// MaxRestarts before a process counts as a crash loop.
	MaxRestarts int `yaml:"max_restarts,omitempty" json:"max_restarts,omitempty" jsonschema:"minimum=1,maximum=10000"`
	// MaxMemory of one process, such as 512MB.
	MaxMemory Size `yaml:"max_memory,omitempty" json:"max_memory,omitempty"`
}

// PM2Process is a process that must be online.
type PM2Process struct {
	// Name in PM2.
	Name string `yaml:"name" json:"name" jsonschema:"minLength=1,maxLength=200"`
	// Probe tells a hung process from a working one.
	Probe *Probe `yaml:"probe,omitempty" json:"probe,omitempty"`
}

// Probe asks a process whether it works.
type Probe struct {
	// HTTP address that must answer with 2xx or 3xx.
	HTTP string `yaml:"http" json:"http" jsonschema:"pattern=^https?://,maxLength=2048"`
	// Timeout of one probe.
	Timeout Duration `yaml:"timeout,omitempty" json:"timeout,omitempty"`
}

// GitCopy is a git working copy that is kept in sync.
type GitCopy struct {
	// Path of the working copy, absolute.
	Path string `yaml:"path" json:"path" jsonschema:"pattern=^/,maxLength=4096"`
	// Branch that it follows.
	Branch string `yaml:"branch,omitempty" json:"branch,omitempty" jsonschema:"minLength=1,maxLength=255"`
	// Interval between fetches.
	Interval Duration `yaml:"interval,omitempty" json:"interval,omitempty"`
	// Push says where local commits go: nowhere, or to a side branch.
	Push string `yaml:"push,omitempty" json:"push,omitempty" jsonschema:"enum=never,enum=side-branch"`
}

// NetlifySite is a site on Netlify.
type NetlifySite struct {
	// Path of the site's working copy, absolute.
	Path string `yaml:"path" json:"path" jsonschema:"pattern=^/,maxLength=4096"`
	// SiteID at Netlify, or env:NAME.
	SiteID Ref `yaml:"site_id" json:"site_id"`
	// Token for Netlify's API, as env:NAME.
	Token Ref `yaml:"token" json:"token"`
	// Interval between checks.
	Interval Duration `yaml:"interval,omitempty" json:"interval,omitempty"`
	// Probes of functions.
	Probes []FunctionProbe `yaml:"probes,omitempty" json:"probes,omitempty" jsonschema:"maxItems=500"`
}

// FunctionProbe calls a function and looks at the status.
type FunctionProbe struct {
	// Function by name.
	Function string `yaml:"function" json:"function" jsonschema:"minLength=1,maxLength=200"`
	// Expect is the HTTP status that means healthy.
	Expect int `yaml:"expect,omitempty" json:"expect,omitempty" jsonschema:"minimum=100,maximum=599,default=200"`
}

// Build is a working copy whose build is checked.
type Build struct {
	// Path of the working copy, absolute.
	Path string `yaml:"path" json:"path" jsonschema:"pattern=^/,maxLength=4096"`
	// Interval between checks.
	Interval Duration `yaml:"interval,omitempty" json:"interval,omitempty"`
	// Health holds commands that must succeed. They come from the host's owner.
	Health []string `yaml:"health,omitempty" json:"health,omitempty" jsonschema:"minLength=1,maxItems=20"`
}

// Backup says how often the agent backs up, how long it keeps that, and who
// can read it.
type Backup struct {
	// Interval between backups.
	Interval Duration `yaml:"interval,omitempty" json:"interval,omitempty"`
	// Keep is how long a backup is kept.
	Keep Duration `yaml:"keep,omitempty" json:"keep,omitempty"`
	// Recipients are age public keys.
	Recipients []string `yaml:"recipients,omitempty" json:"recipients,omitempty" jsonschema:"pattern=^age1,maxLength=4096,maxItems=20"`
}
