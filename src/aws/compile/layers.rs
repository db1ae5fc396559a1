//! Layers of the service, and who else may use them.

use super::output::Output;
use super::plan::Plan;
use super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    for (key, layer) in &plan.service.layers {
        let logical_id = naming::layer(key);
        let runtimes = layer.compatible_runtimes.iter().map(|name| name.as_str().into()).collect();
        let architectures = layer.compatible_architectures.iter().map(|name| name.as_str().into()).collect();
        let properties = Properties::new()
            .with("Content", Properties::new())
            .with("LayerName", layer.name.as_ref().map_or(key.as_str(), |name| name.as_str()))
            .maybe("Description", layer.description.as_ref().map(|text| text.as_str()))
            .maybe("LicenseInfo", layer.license_info.as_ref().map(|text| text.as_str()))
            .list("CompatibleRuntimes", runtimes)
            .list("CompatibleArchitectures", architectures);
        let retain = layer.retain == Some(true);
        let keep = |resource: TemplateResource| {
            if retain { resource.attribute("DeletionPolicy", "Retain".into()) } else { resource }
        };
        let resource = TemplateResource::new("AWS::Lambda::LayerVersion", properties.into());
        output.add(logical_id.clone(), keep(resource.hint("Artifact", key.as_str().into())));
        for account in &layer.allowed_accounts {
            let properties = Properties::new()
                .with("Action", "lambda:GetLayerVersion")
                .with("LayerVersionArn", tree::reference(&logical_id))
                .with("Principal", account.as_str());
            let who = naming::alphanumeric(&account.as_str().replacen('*', "Wild", 1));
            let permission =
                TemplateResource::new("AWS::Lambda::LayerVersionPermission", properties.into()).beneath(&logical_id);
            output.add(naming::of_function(key, &format!("{who}LambdaLayerPermission")), keep(permission));
        }
        output.output(format!("{logical_id}QualifiedArn"), tree::reference(&logical_id));
    }
}
