"""Spanish, a starter."""

from worker.classify.languages.language import Language, phrases, weighted, words

SPANISH = Language(
    code="es",
    small=words(
        """
            el la los las de del y es no que en un una por con para me se lo le les su sus mi mis muy pero más
            como al ha han he fue está están era son ser hay todo todos cuando nos ya si sin sobre también
            porque desde hace nada nadie tengo tiene dos veces yo ellos esta este esto eso qué después siempre
            nunca
        """
    ),
    polar=weighted(
        good_3="""
            excelente, excelentes, perfecto, perfecta, perfectamente, genial, fantástico, fantástica,
            maravilloso, maravillosa, increíble, estupendo, estupenda, espectacular, impecable, inmejorable,
            encantado, encantada, me encanta, súper, muy bueno, muy buena, muy bien, muy satisfecho, muy
            satisfecha, de diez, lo mejor, insuperable
        """,
        good_2="""
            bueno, buena, buenos, buenas, buen, bien, satisfecho, satisfecha, contento, contenta, feliz,
            gracias, amable, amables, amabilidad, atento, atenta, atentos, profesional, profesionales,
            profesionalidad, eficiente, eficaz, recomiendo, recomendable, recomendado, agradable, agradecido,
            agradecida, agradezco, me gusta, me gustó, mejor, calidad, fiable, resolvieron, solucionaron,
            solucionado, resuelto, sin problemas, sin problema, ningún problema, ninguna queja, buen trato,
            simpático, simpática, cómodo, cómoda, servicial
        """,
        good_1="""
            rápido, rápida, rápidamente, rapidez, fácil, sencillo, claro, puntual, a tiempo, limpio, útil,
            correcto, barato, económico
        """,
        bad_3="""
            pésimo, pésima, pésimos, horrible, terrible, fatal, desastre, desastroso, vergüenza, vergonzoso,
            inaceptable, indignante, indignado, estafa, estafadores, estafado, robo, ladrones, mentira,
            mentiras, mentirosos, engaño, engañado, fraude, lo peor, peor, nunca más, asco, asqueroso, basura,
            mierda, ridículo, furioso, pesadilla, lamentable, incompetentes, incompetente, inútil, inútiles,
            nefasto, nefasta, tomadura de pelo, tercermundista
        """,
        bad_2="""
            mal, malo, mala, malos, malas, malísimo, malísima, decepcionado, decepcionada, decepcionante,
            decepción, insatisfecho, insatisfecha, descontento, molesto, molesta, enfadado, enojado, frustrado,
            frustrante, queja, quejas, reclamación, reclamo, reclamar, problema, problemas, error, errores,
            fallo, fallos, falla, avería, averías, roto, rota, dañado, defectuoso, equivocado, incorrecto,
            retraso, retrasos, tarde, demora, demoras, lento, lenta, lentitud, demasiado tiempo, mucho tiempo,
            muy caro, carísimo, caro, cara, no funciona, no funcionó, dejó de funcionar, no sirve, no llega, no
            llegó, no ha llegado, no responden, no contestan, nadie contesta, nadie responde, sin respuesta,
            ninguna respuesta, no me llamaron, no resuelven, no solucionan, sin solución, no solucionado, no
            recomiendo, no lo recomiendo, no estoy satisfecho, no estoy contento, no me gusta, no me gustó,
            cobro doble, cobraron dos veces, cobrado dos veces, cobran de más, grosero, groseros, maleducado,
            antipático, mala atención, mal servicio, mal trato, cancelar, darme de baja, abandono, imposible,
            difícil, complicado, sucio, perdido, perdieron, falta de, caos, colgaron, cuelgan, se cae, se corta
        """,
        bad_1="""
            espera, esperar, esperando, esperé, mejorar, podría mejorar, regular, varias veces, otra vez,
            subida, subieron, ruido, confuso, faltan, falta, lástima
        """,
    ),
    negators=words("no nunca jamás sin ni tampoco ningún ninguna nada"),
    wishes=phrases("sería, podría ser, debería ser, hubiera sido"),
    boosters={
        **dict.fromkeys(
            words("muy realmente totalmente extremadamente absolutamente demasiado tan súper bastante"), 1.4
        ),
        **dict.fromkeys(words("poco algo veces ligeramente"), 0.6),
    },
    contrasts=words("pero sin embargo aunque lamentablemente desgraciadamente"),
    fillers=words("un una el la los las a de voy quiero es"),
    neutral=phrases("""
            ok, normal, regular, nada, ninguno, ninguna, no, sí, si, sin comentarios, no sé, correcto
        """),
)
