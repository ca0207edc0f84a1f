// Package installation keeps the store in step with where the App is
// installed: which accounts, in which state, with which repositories. GitHub is
// asked, webhooks only say when. An installation that is suspended or removed
// is dormant: nothing is tried for it until GitHub says otherwise.
package installation
