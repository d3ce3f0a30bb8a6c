package k8s

import "k8s.io/apimachinery/pkg/util/validation/field"

// Toleration lets a pod onto nodes with a matching taint.
type Toleration struct {
	// Key of the taint. Default: any key, which needs the operator Exists.
	Key string `json:"key" pulumi:"key,optional" format:"labelKey"`
	// Operator compares Value with the taint's (Equal) or takes any value (Exists).
	Operator string `json:"operator" pulumi:"operator,optional" default:"Equal" enum:"Equal,Exists"`
	// Value of the taint.
	Value string `json:"value" pulumi:"value,optional"`
	// Effect of the taint. Default: any effect.
	Effect string `json:"effect" pulumi:"effect,optional" enum:"NoSchedule,PreferNoSchedule,NoExecute"`
	// Seconds that the pod may stay after a taint with the effect NoExecute is added.
	// Default: for ever.
	Seconds *int `json:"seconds" pulumi:"seconds,optional" min:"0" max:"86400"`
}

// Check refuses what Kubernetes would refuse.
func (t Toleration) Check(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if t.Key == "" && t.Operator != "Exists" {
		errs = append(errs, field.Required(path.Child("key"), "unless operator is Exists"))
	}
	if t.Value != "" && t.Operator == "Exists" {
		errs = append(errs, field.Invalid(path.Child("value"), t.Value, "must be left out when operator is Exists"))
	}
	if t.Seconds != nil && t.Effect != "NoExecute" {
		errs = append(errs, field.Invalid(path.Child("seconds"), *t.Seconds, "must be left out unless effect is NoExecute"))
	}
	return errs
}
