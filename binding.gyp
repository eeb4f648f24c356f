# The build that users get from `npm install`. The sources are listed in native/build.json, which
# CMakeLists.txt reads too: to add a file, edit that list and nothing here.
{
  'target_defaults': {
    'include_dirs': ['<!@(node scripts/sources.mjs include)'],
    'cflags': ['-O2', '-g'],
    'cflags_c': ['-std=gnu11', '-D_GNU_SOURCE=', '-Werror=implicit'],
    # Node's own settings say -O3 and name a C++ standard, and would win by coming later.
    'cflags_cc!': ['-std=gnu++20'],
    'cflags_cc': ['-std=gnu++17'],
    'configurations': {
      'Release': {'cflags!': ['-O3']},
    },
  },
  # dlclose leaves the library: threads, handlers of signals, forks and ends of threads are in it.
  'variables': {'stays': '-Wl,-z,nodelete'},
  'targets': [
    {
      'target_name': 'gshm',
      'sources': ['<!@(node scripts/sources.mjs addon)'],
      # Without the second an error in a worker that is being terminated ends the process.
      'defines': ['NAPI_VERSION=8', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
      'ldflags': ['<(stays)'],
      'dependencies': ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
    },
    {
      'target_name': 'libgshm',
      'type': 'shared_library',
      'product_prefix': 'lib', # gyp has taken the target name's own away
      'product_extension': 'so',
      'product_dir': '<(PRODUCT_DIR)',
      'sources': ['<!@(node scripts/sources.mjs libgshm)'],
      'cflags': ['-fvisibility=hidden'],
      'ldflags': ['<(stays)'],
    },
    {
      # Other systems' APIs (native/compat).
      'target_name': 'libgshm_compat',
      'type': 'shared_library',
      'product_prefix': 'lib',
      'product_extension': 'so',
      'product_dir': '<(PRODUCT_DIR)',
      'sources': ['<!@(node scripts/sources.mjs compat)'],
      'cflags': ['-fvisibility=hidden'],
      'dependencies': ['libgshm'],
      'ldflags': ['-Wl,-rpath,\\$$ORIGIN', '<(stays)'],
    },
    {
      # Of its own: its constructor stops ranks before main, so only programs that ask for PARMACS load it.
      'target_name': 'libgshm_parmacs',
      'type': 'shared_library',
      'product_prefix': 'lib',
      'product_extension': 'so',
      'product_dir': '<(PRODUCT_DIR)',
      'sources': ['<!@(node scripts/sources.mjs parmacs)'],
      'cflags': ['-fvisibility=hidden'],
      'dependencies': ['libgshm'],
      'ldflags': ['-Wl,-rpath,\\$$ORIGIN', '<(stays)'],
    },
    {
      'target_name': 'libgshm_parmacs_static',
      'type': 'static_library',
      'standalone_static_library': 1,
      'product_name': 'libgshm_parmacs',
      'product_prefix': '',
      'product_dir': '<(PRODUCT_DIR)',
      'sources': ['<!@(node scripts/sources.mjs parmacs_static)'],
    },
    {
      'target_name': 'gshm-keeper',
      'type': 'executable',
      'product_extension': '',
      'sources': ['<!@(node scripts/sources.mjs keeper)'],
    },
    {
      'target_name': 'gshm-testbed-worker',
      'type': 'executable',
      'product_extension': '',
      'sources': ['<!@(node scripts/sources.mjs testbed)'],
      'dependencies': ['libgshm'],
    },
    {
      # gyp cannot make a target of each member of a list, but it can apply a rule to each.
      'target_name': 'programs',
      'type': 'none',
      'dependencies': ['libgshm', 'libgshm_compat'],
      'sources': ['<!@(node scripts/sources.mjs programs)'],
      'rules': [
        {
          'rule_name': 'program_c',
          'extension': 'c',
          'inputs': ['native/build.json', 'scripts/program.mjs', '<!@(node scripts/sources.mjs program-inputs)'],
          'outputs': ['<(PRODUCT_DIR)/<(RULE_INPUT_ROOT)'],
          'action': ['node', 'scripts/program.mjs', '<(RULE_INPUT_ROOT)', '<(PRODUCT_DIR)'],
        },
        {
          'rule_name': 'program_cc',
          'extension': 'cc',
          'inputs': ['native/build.json', 'scripts/program.mjs', '<!@(node scripts/sources.mjs program-inputs)'],
          'outputs': ['<(PRODUCT_DIR)/<(RULE_INPUT_ROOT)'],
          'action': ['node', 'scripts/program.mjs', '<(RULE_INPUT_ROOT)', '<(PRODUCT_DIR)'],
        },
      ],
    },
  ],
}
