# Data files that the programs read at run time, below share/warren in the build tree and where it is installed alike.
file(GLOB WARREN_SHARE_FILES CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
     policies/*/*.textproto rootfs/*/recipe.textproto rootfs/*/manifest.textproto rootfs/*/warmup.py)
set(WARREN_SHARE_OUTPUTS)
foreach(file ${WARREN_SHARE_FILES})
  set(output ${CMAKE_BINARY_DIR}/share/warren/${file})
  get_filename_component(folder ${file} DIRECTORY)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E copy ${PROJECT_SOURCE_DIR}/${file} ${output}
    DEPENDS ${PROJECT_SOURCE_DIR}/${file}
    VERBATIM)
  list(APPEND WARREN_SHARE_OUTPUTS ${output})
  install(FILES ${file} DESTINATION share/warren/${folder})
endforeach()
add_custom_target(warren_share ALL DEPENDS ${WARREN_SHARE_OUTPUTS})
