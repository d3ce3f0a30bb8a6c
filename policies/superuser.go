package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

// superusersSecret is that of a shard, which has the passwords of migrations and moves under keys of their own.
var superusersSecret = regexp.MustCompile(`^(.+-shard-\d+)-admin$`)

// superusersKeys have the superuser's password, and those of before.
var superusersKeys = []string{"password", "former"}

// superuserLocal keeps a shard's superuser in its own pods.
var superuserLocal = rule.Rule{
	Name: "superuser-local",
	Description: "Only a shard's own pods get the password of its superuser, who logs in inside them alone: migrations and moves have " +
		"roles that can neither run programs nor read files on a server.",
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		for _, volume := range p.Spec.At("volumes").Items() {
			superuserIn(c, p, volume.At("secret"), "secretName", takesItems(volume.At("secret")))
			for _, source := range volume.At("projected", "sources").Items() {
				superuserIn(c, p, source.At("secret"), "name", takesItems(source.At("secret")))
			}
		}
		for _, container := range p.Containers() {
			for _, from := range container.At("envFrom").Items() {
				superuserIn(c, p, from.At("secretRef"), "name", true)
			}
			for _, variable := range container.At("env").Items() {
				from := variable.At("valueFrom", "secretKeyRef")
				superuserIn(c, p, from, "name", isSuperusers(from))
			}
		}
	}),
}

// isSuperusers reports whether an item of a shard's Secret is the superuser's.
func isSuperusers(item rule.Node) bool { return slices.Contains(superusersKeys, item.At("key").Text()) }

// takesItems reports whether a volume has one of them: of some items, or of all if it lists none.
func takesItems(secret rule.Node) bool {
	items := secret.At("items")
	return items.Known() && (len(items.Items()) == 0 || slices.ContainsFunc(items.Items(), isSuperusers))
}

// superuserIn judges one place that names a Secret and may take the superuser's password from it. A shard's own pods may.
func superuserIn(c *rule.Check, p podTemplate, secret rule.Node, name string, takes bool) {
	found := superusersSecret.FindStringSubmatch(secret.At(name).Text())
	if found == nil || !takes || p.Owner.Kind() == "StatefulSet" && ownedBy(p.Owner, found[1]) {
		return
	}
	c.Refuse(p.Owner, secret.At(name), "a login that is no superuser's", "mount the keys owner-password or mover-password of this Secret, or the service's own login")
}

// ownedBy is true unless a StatefulSet is known to be of another shard.
func ownedBy(set rule.Resource, shard string) bool {
	return !set.At("metadata", "name").Known() || strings.HasPrefix(nameOf(set)+"-", shard+"-")
}
