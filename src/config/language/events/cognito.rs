//! `cognitoUserPool`: steps of signing up and signing in.

use crate::config::decode::{Cf, keywords, object, text};

text! {
    /// The name of a user pool.
    pub struct PoolName: "the name of a user pool", pattern "^[\\w\\s+=,.@-]+$", max 128
}

object! {
    /// A step of signing up or signing in.
    pub struct CognitoUserPool {
        /// The name of the user pool.
        pool "pool": PoolName,
        /// The step.
        trigger "trigger": CognitoTrigger,
        /// Whether the pool is there already and only its triggers are changed.
        existing "existing" = false: Option<bool>,
        /// The KMS key, for the custom senders.
        kms_key_id "kmsKeyId": Option<Cf>,
        /// The version of the trigger's event (v4).
        lambda_version "lambdaVersion": Option<String>,
    }
    ignored {
        "forceDeploy": "hoist reads the triggers of the pool in every deploy"
    }
}

keywords! {
    /// A step of signing up or signing in.
    pub enum CognitoTrigger {
        PreSignUp = "PreSignUp",
        PostConfirmation = "PostConfirmation",
        PreAuthentication = "PreAuthentication",
        PostAuthentication = "PostAuthentication",
        PreTokenGeneration = "PreTokenGeneration",
        CustomMessage = "CustomMessage",
        DefineAuthChallenge = "DefineAuthChallenge",
        CreateAuthChallenge = "CreateAuthChallenge",
        VerifyAuthChallengeResponse = "VerifyAuthChallengeResponse",
        UserMigration = "UserMigration",
        CustomSmsSender = "CustomSMSSender",
        CustomEmailSender = "CustomEmailSender",
    }
}
