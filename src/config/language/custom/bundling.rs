//! Plugins that build code: serverless-esbuild and serverless-python-requirements.

use indexmap::IndexMap;

use super::PluginSettings;
use crate::config::decode::{Bounded, Toggle, alternatives, keywords, object};
use crate::config::node::Node;

object! {
    /// How esbuild bundles the functions' code.
    pub struct Esbuild {
        /// Whether imports are taken into the bundle.
        bundle "bundle" = true: Option<bool>,
        /// Whether the bundle is minified.
        minify "minify" = false: Option<bool>,
        /// Whether there is a source map: `true`, `inline`, `external`, `linked` or `both`.
        sourcemap "sourcemap": Option<Node>,
        /// Whether the source map holds the sources.
        sources_content "sourcesContent": Option<bool>,
        /// What the code runs on: `node22`.
        target "target": Option<Node>,
        /// `node`, `browser` or `neutral`.
        platform "platform" = "node": Option<String>,
        /// `cjs` or `esm`.
        format "format": Option<String>,
        /// Modules that are not taken into the bundle and are installed beside it.
        external "external": Vec<String>,
        /// Modules that are not taken into the bundle, because Lambda has them.
        exclude "exclude": Option<StarOrNames>,
        /// What installs external modules.
        packager "packager" = "npm": Option<NodePackager>,
        /// Settings of the packager.
        packager_options "packagerOptions": Option<Node>,
        /// The `package.json` that external modules come from.
        package_path "packagePath": Option<String>,
        /// A file with esbuild plugins, or settings with one.
        plugins "plugins": Option<Node>,
        /// How many bundles are made at once.
        concurrency "concurrency": Option<Bounded<1, { i64::MAX }>>,
        /// How many zips are made at once.
        zip_concurrency "zipConcurrency": Option<Bounded<1, { i64::MAX }>>,
        /// What is watched by `serverless-offline`.
        watch "watch": Option<Node>,
        /// The ending of bundles.
        output_file_extension "outputFileExtension" = ".js": Option<String>,
        /// The folder of work in progress.
        output_work_folder "outputWorkFolder": Option<String>,
        /// The folder of bundles.
        output_build_folder "outputBuildFolder": Option<String>,
        /// Whether these folders stay.
        keep_output_directory "keepOutputDirectory": Option<bool>,
        /// Whether code is packaged as it is.
        skip_build "skipBuild": Option<bool>,
        /// Functions whose code is packaged as it is.
        skip_build_exclude_fns "skipBuildExcludeFns": Vec<String>,
        /// Replacements.
        define "define": IndexMap<String, Node>,
        /// Endings and how they are read.
        loader "loader": IndexMap<String, String>,
        /// Code in front of the bundle.
        banner "banner": Option<Node>,
        /// Code behind the bundle.
        footer "footer": Option<Node>,
        /// Files that are taken into every bundle.
        inject "inject": Vec<String>,
        /// Calls that are taken out.
        drop "drop": Vec<String>,
        /// Whether names are kept.
        keep_names "keepNames": Option<bool>,
        /// Whether unused code is taken out.
        tree_shaking "treeShaking": Option<bool>,
        /// Fields of `package.json` that name the entry of a module, in order.
        main_fields "mainFields": Vec<String>,
        /// Conditions of `exports`.
        conditions "conditions": Vec<String>,
        /// Endings that are tried.
        resolve_extensions "resolveExtensions": Vec<String>,
        /// The `tsconfig.json`.
        tsconfig "tsconfig": Option<String>,
        /// Whether esbuild writes a report.
        metafile "metafile": Option<bool>,
        /// How much esbuild says.
        log_level "logLevel": Option<String>,
        /// Whether the zip is made by the system's tool.
        native_zip "nativeZip": Option<bool>,
        /// Whether everything in `node_modules` is external.
        node_externals "nodeExternals": Option<Node>,
        /// Install commands of the packager.
        install_extra_args "installExtraArgs": Vec<String>,
        /// Whether files of the service are copied with symbolic links resolved.
        preserve_symlinks "preserveSymlinks": Option<bool>,
        /// Names of modules and what they stand for.
        alias "alias": IndexMap<String, String>,
        /// Whether JSX is changed, and how.
        jsx "jsx": Option<Node>,
        /// Which properties are renamed.
        mangle_props "mangleProps": Option<Node>,
        /// Whether ES modules are split.
        splitting "splitting": Option<bool>,
        /// Code that has no side effects.
        pure_calls "pure": Vec<String>,
        /// Whether notices of licences stay.
        legal_comments "legalComments": Option<String>,
        /// The set of characters of the bundle.
        charset "charset": Option<String>,
        /// Features that the target has or not.
        supported "supported": IndexMap<String, bool>,
    }
}

impl PluginSettings for Esbuild {
    const PLUGIN: &'static str = "serverless-esbuild";
    const KEY: &'static str = "esbuild";
}

alternatives! {
    /// `*`, or names.
    pub enum StarOrNames {
        Star(String),
        Names(Vec<String>),
    }
}

keywords! {
    /// What installs modules.
    pub enum NodePackager {
        Npm = "npm",
        Yarn = "yarn",
        Pnpm = "pnpm",
        Bun = "bun",
    }
}

object! {
    /// How requirements of Python functions are installed.
    pub struct PythonRequirements {
        /// The file with the requirements.
        file_name "fileName" = "requirements.txt": Option<String>,
        /// Whether pip runs in a container: `true`, `false` or `non-linux`.
        dockerize_pip "dockerizePip": Option<DockerizePip>,
        /// Whether tests, caches and the like are left out.
        slim "slim": Option<bool>,
        /// Patterns of what is left out.
        slim_patterns "slimPatterns": Vec<String>,
        /// Whether they come beside the default patterns.
        slim_patterns_append_defaults "slimPatternsAppendDefaults": Option<bool>,
        /// Whether shared libraries are stripped.
        strip "strip": Option<bool>,
        /// Whether requirements are zipped in the zip.
        zip "zip": Option<bool>,
        /// Whether that zip is unpacked by code of the plugin.
        clean_up_zip_helper "cleanupZipHelper": Option<bool>,
        /// Whether requirements become a layer.
        layer "layer": Option<Toggle<super::super::layer::Layer>>,
        /// Whether a `Pipfile` is read.
        use_pipenv "usePipenv": Option<bool>,
        /// Whether a `pyproject.toml` of Poetry is read.
        use_poetry "usePoetry": Option<bool>,
        /// Whether a `pyproject.toml` of uv is read.
        use_uv "useUv": Option<bool>,
        /// Groups of Poetry that are left out.
        poetry_without_groups "poetryWithoutGroups": Vec<String>,
        /// Groups of Poetry that are taken in.
        poetry_with_groups "poetryWithGroups": Vec<String>,
        /// The only groups of Poetry that are taken in.
        poetry_only_groups "poetryOnlyGroups": Vec<String>,
        /// Whether a lock file of Poetry is needed.
        require_poetry_lock_file "requirePoetryLockFile": Option<bool>,
        /// Requirements that are left out.
        no_deploy "noDeploy": Vec<String>,
        /// A folder with further modules.
        vendor "vendor": Option<String>,
        /// Further options of pip.
        pip_cmd_extra_args "pipCmdExtraArgs": Vec<String>,
        /// The Python that runs pip.
        python_bin "pythonBin": Option<String>,
        /// The container's image.
        docker_image "dockerImage": Option<String>,
        /// The container's Dockerfile.
        docker_file "dockerFile": Option<String>,
        /// Whether the container gets SSH keys.
        docker_ssh "dockerSsh": Option<bool>,
        /// The SSH key.
        docker_private_key "dockerPrivateKey": Option<String>,
        /// Variables of the container.
        docker_env "dockerEnv": Vec<String>,
        /// Further options of `docker build`.
        docker_build_cmd_extra_args "dockerBuildCmdExtraArgs": Vec<String>,
        /// Further options of `docker run`.
        docker_run_cmd_extra_args "dockerRunCmdExtraArgs": Vec<String>,
        /// Further files for the container.
        docker_extra_files "dockerExtraFiles": Vec<String>,
        /// The folder of the container.
        docker_root_path "dockerRootPath": Option<String>,
        /// Whether installed requirements are kept for later.
        use_static_cache "useStaticCache": Option<bool>,
        /// Whether downloads are kept for later.
        use_download_cache "useDownloadCache": Option<bool>,
        /// Where they are kept.
        cache_location "cacheLocation": Option<String>,
        /// How many installations are kept.
        static_cache_max_versions "staticCacheMaxVersions": Option<Bounded<0, { i64::MAX }>>,
        /// Whether requirements are installed for each function.
        individually "individually": Option<bool>,
    }
}

impl PluginSettings for PythonRequirements {
    const PLUGIN: &'static str = "serverless-python-requirements";
    const KEY: &'static str = "pythonRequirements";
}

keywords! {
    /// Whether pip runs in a container.
    pub enum DockerizePip {
        Always = "true",
        Never = "false",
        NonLinux = "non-linux",
    }
}
