package service

import (
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	autoscalingv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/autoscaling/v2"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// kedaTimeouts are how long KEDA may take. It answers within seconds, and one that is
// gone must not hold up a destroy: it leaves a finalizer on what it knows.
var kedaTimeouts = pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "3m", Update: "3m", Delete: "2m"})

// oneAutoscaler makes the two kinds of autoscaler one resource, of which the old one is
// deleted before the new one is created: two autoscalers of one workload disable each
// other, and KEDA's webhook refuses the second. In between the Deployment keeps its
// pods.
func oneAutoscaler() pulumi.ResourceOption {
	return pulumi.Composite(
		pulumi.Aliases([]pulumi.Alias{
			{Type: pulumi.String("kubernetes:autoscaling/v2:HorizontalPodAutoscaler")},
			{Type: pulumi.String("kubernetes:" + kedaVersion + ":ScaledObject")},
		}),
		pulumi.ReplaceOnChanges([]string{"kind"}),
		pulumi.DeleteBeforeReplace(true),
	)
}

func (r *registrar) autoscaler() error {
	if r.args.scalesByKEDA() {
		return r.scaledObject()
	}
	made, err := autoscalingv2.NewHorizontalPodAutoscaler(r.ctx, r.name+"-autoscaler", autoscaler(r.name, r.args), r.parent, r.after, oneAutoscaler())
	r.made.autoscaler = made
	return err
}

func (r *registrar) scaledObject() error {
	var access []pulumi.Resource
	if r.args.Triggers.Lag != nil {
		made, err := r.lagAccess()
		if err != nil {
			return err
		}
		access = append(access, made)
	}
	args := scaledObject(r.name, r.args)
	made, err := apiextensions.NewCustomResource(r.ctx, r.name+"-autoscaler", args, r.parent, r.after,
		pulumi.DependsOn(access), oneAutoscaler(), kedaTimeouts)
	if err != nil {
		return err
	}
	r.made.autoscaler = made
	checksum := args.Metadata.(*metav1.ObjectMetaArgs).Annotations.(pulumi.StringMap)[specAnnotation]
	r.made.Name = r.adopted(made, r.made.Name, checksum)
	return nil
}

func (r *registrar) lagAccess() (pulumi.Resource, error) {
	user, err := corev1.NewConfigMap(r.ctx, r.name+"-lag-user", lagUser(r.name, r.args), r.parent)
	if err != nil {
		return nil, err
	}
	return apiextensions.NewCustomResource(r.ctx, r.name+"-lag-access", lagAccess(r.name, r.args, user.Metadata.Name().Elem()), r.parent, kedaTimeouts)
}
